"""Fashion-MNIST, from its four official files."""

from ..files.idx import read_pictures
from ..source import Source, dataset

URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
CHECKSUMS = {
    "train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310",
}
CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


@dataset(
    kind="image",
    source="https://github.com/zalandoresearch/fashion-mnist",
    licence="MIT",
    citation="Xiao, Rasul & Vollgraf 2017, Fashion-MNIST, arXiv 1708.07747",
    downloads=True,
)
def fashion_mnist() -> Source:
    """70,000 grey pictures of clothes, 28 × 28 pixels each."""
    train, test = read_pictures("FashionMNIST", URL, CHECKSUMS)
    return Source(train.x, train.y, CLASSES, test=test, standardize=True)
