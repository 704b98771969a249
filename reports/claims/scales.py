"""The scale at which the paper tests what each suite tests."""

CIFAR = "50,000 rows of CIFAR-10N, a ResNet-34 for 100 epochs"
SCALES = {
    "paper-synthetic": "half moons of 250 rows with 20 flips, a network with two hidden layers of two units; blobs of "
    "150 rows with 10 flips, logistic regression; one run",
    "paper-leave-one-out": "half moons of 250 rows and blobs of 150, one run",
    "paper-vision": f"{CIFAR}, 5 runs",
    "paper-vision-full": f"{CIFAR}, 5 runs",
    "paper-threshold": CIFAR,
    "paper-trees": CIFAR,
    "paper-text": "4,500 rows of QNLI, SST-2 and QQP and 3,668 of MRPC, RoBERTa-large with LoRA for ten epochs, 3 runs",
    "paper-generation": "900 prompts of each of three tasks, Llama-2-13B with LoRA for 25 epochs",
    "paper-runtime": f"{CIFAR}, a V100",
    "paper-complexity": "orders of growth in symbols, nothing measured",
}
