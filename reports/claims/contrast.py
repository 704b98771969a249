"""Contrasts: what a claim compares, written down before any result is looked at."""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp

from ...bench.errors import InputError

POINTS = "points"
AUC = "ROC-AUC"
CORRELATION = "Spearman correlation"
EXPONENT = "exponent"
FACTOR = "factor"
UNITS: dict[str, Callable[[float], str]] = {
    POINTS: lambda value: f"{100 * value:+.2f}",
    AUC: "{:+.3f}".format,
    CORRELATION: "{:+.3f}".format,
    EXPONENT: "{:+.2f}".format,
    FACTOR: lambda value: f"{exp(value):.3g}×",
}
"""How a difference is printed, by unit; differences in points are shares, those in factors are natural logarithms."""


@dataclass(frozen=True)
class Contrast:
    """The arms that a claim compares, and the differences that let it stand or fall.

    Attributes:
        first: the arm that the claim is about, in words.
        second: the arm that is subtracted from it.
        figure: what is compared.
        paired_by: what each pair of figures has in common.
        margin: differences inside it are of no account.
        because: where the margin comes from.
        least: the claim stands only if the difference is above this; minus the margin if it says no more than that the
            first arm is not worse.
        alike: whether the claim says that both arms are alike, to within the margin.
        unit: of the difference, one of `UNITS`.

    Raises:
        InputError: if the margin is not positive, `least` is negative but not minus the margin, or the unit is unknown.
    """

    first: str
    second: str
    figure: str
    paired_by: str
    margin: float
    because: str
    least: float = 0.0
    alike: bool = False
    unit: str = POINTS

    def __post_init__(self) -> None:
        if not self.margin > 0:
            raise InputError(f"the margin of a contrast is {self.margin}: give a positive number")
        if not (self.least >= 0 or self.least == -self.margin):
            raise InputError(
                f"the least difference of a contrast is {self.least}: give at least 0, or minus the margin, "
                f"{-self.margin}, if the claim is that the first arm is not worse"
            )
        if self.unit not in UNITS:
            raise InputError(f"a contrast cannot be in {self.unit}: give one of {', '.join(UNITS)}")

    @property
    def arms(self) -> str:
        """Which arm minus, or in factors over, which."""
        return f"{self.first}, {'over' if self.unit == FACTOR else 'minus'} {self.second}"

    @property
    def words(self) -> str:
        """The arms, the figure and the unit, in words."""
        return f"{self.arms}: {self.figure}" + ("" if self.unit in self.figure else f" ({self.unit})")

    @property
    def ceiling(self) -> float:
        """The claim falls if the difference is below this: the margin, or minus the margin if it says "not worse"."""
        return self.least if self.least < 0 else self.margin

    @property
    def bound(self) -> str:
        """The margin as text, with its sign or signs."""
        if self.alike and self.unit != FACTOR:
            return f"±{self.size(self.margin)}"
        return self.text(self.ceiling).removeprefix("+")

    @property
    def floor(self) -> str:
        """`least` as text, with its sign only if that is a minus."""
        return "0" if self.least == 0 and self.unit != FACTOR else self.text(self.least).removeprefix("+")

    def text(self, difference: float) -> str:
        """A difference as text, with its sign."""
        return UNITS[self.unit](difference)

    def size(self, difference: float) -> str:
        """The size of a difference as text, without a sign."""
        return self.text(abs(difference)).removeprefix("+")
