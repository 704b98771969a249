"""Counter-based random signs and columns: draw i depends only on the key and on i, not on any earlier draw.

Any part of a random matrix can therefore be drawn at any time, on any device, and none of it has to be kept. Each draw
is an output of splitmix64 (Steele et al. 2014, "Fast splittable pseudorandom number generators", figure 17).
"""

from hashlib import sha256

import torch
from torch import Tensor

STEP, FIRST, SECOND = -0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15  # as signed 64-bit integers


def key(seed: int, name: str) -> int:
    """A key for the draws of that name under a seed: a signed 64-bit integer."""
    return int.from_bytes(sha256(f"{seed} {name}".encode()).digest()[:8], "little", signed=True)


def words(key: int, index: Tensor, draws: int) -> Tensor:
    """Random 64-bit words, as signed integers: (draws, c) for the counters `index` (c,)."""
    bits = index * draws + torch.arange(draws, device=index.device)[:, None]
    bits.mul_(STEP).add_(key)
    for shift, factor in ((30, FIRST), (27, SECOND)):
        bits.bitwise_xor_((bits >> shift).bitwise_and_((1 << 64 - shift) - 1)).mul_(factor)
    return bits.bitwise_xor_((bits >> 31).bitwise_and_((1 << 33) - 1))


def signs(key: int, index: Tensor, k: int, dtype: torch.dtype) -> Tensor:
    """k random signs, -1 or 1, for each of the counters `index` (c,), as (k, c)."""
    pairs = words(key, index, -(-k // 64))
    halves = torch.cat([pairs.int(), (pairs >> 32).int()])
    shifts = torch.arange(32, dtype=torch.int32, device=index.device)[:, None]
    numbers = (halves[:, None] << shifts).bitwise_and_(-(2**31)).bitwise_or_(0x3F800000)  # the bits of ±1 in float32
    return numbers.view(torch.float32).flatten(0, 1)[:k].to(dtype)


def places(key: int, index: Tensor, k: int, s: int) -> tuple[Tensor, Tensor]:
    """A random column from each of s equal parts of 0, ..., k - 1 and a random bit for its sign, (s, c) each."""
    bits = words(key, index, s)
    starts = torch.arange(s, device=index.device)[:, None] * (k // s)
    return ((bits & 0x7FFFFFFF) * (k // s) >> 31) + starts, bits < 0
