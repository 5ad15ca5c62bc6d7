"""The CNN of pytorch/examples on data of MNIST's shape, with Adadelta; eight batches a step."""

import sys

import torch
from torch import nn


def main(steps: int, scale: float) -> None:
    """Print the loss of each step."""
    torch.manual_seed(1)
    images = torch.rand(int(60_000 * scale), 1, 28, 28)
    labels = torch.randint(10, (len(images),))
    net = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adadelta(net.parameters())
    for step in range(steps):
        total = 0.0
        for _ in range(8):
            chosen = torch.randint(len(images), (64,))
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(images[chosen]), labels[chosen])
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(step, round(total, 5), flush=True)


main(int(sys.argv[1]), float(sys.argv[2]))
