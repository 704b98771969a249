"""MNIST, from its four official files."""

from ..files.idx import read_pictures
from ..source import Source, dataset

URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
CHECKSUMS = {
    "train-images-idx3-ubyte.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "md5:d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "md5:9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "md5:ec29112dd5afa0611ce80d1b7f02629c",
}
PAGE = "http://yann.lecun.com/exdb/mnist"
LICENCE = "none stated, often given as CC BY-SA 3.0"
CITATION = "LeCun, Bottou, Bengio & Haffner 1998, Gradient-Based Learning Applied to Document Recognition"
CLASSES = tuple(map(str, range(10)))


@dataset(kind="image", source=PAGE, licence=LICENCE, citation=CITATION, downloads=True)
def mnist() -> Source:
    """70,000 grey pictures of handwritten digits, 28 × 28 pixels each."""
    train, test = read_pictures("MNIST", URL, CHECKSUMS)
    return Source(train.x, train.y, CLASSES, test=test, standardize=True)
