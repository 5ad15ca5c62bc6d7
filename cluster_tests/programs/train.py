"""A small network trained by PyTorch: DataLoader, shuffle, dropout, Adam and a schedule.

python train.py EPOCHS FILE [SECONDS_AN_EPOCH]
"""

import sys
import time

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def make(seed):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.3), nn.Linear(96, 48), nn.ReLU(),
        nn.Dropout(0.2), nn.Linear(48, 10),
    )  # fmt: skip


def train(model, loader, epochs, path, pause):
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    judge = nn.CrossEntropyLoss()
    with open(path, "w") as log:
        for epoch in range(epochs):
            total = 0.0
            for inputs, labels in loader:
                optimizer.zero_grad()
                loss = judge(model(inputs), labels)
                loss.backward()
                optimizer.step()
                total += loss.item()
            schedule.step()
            log.write(f"{epoch},{total!r},{schedule.get_last_lr()[0]!r}\n")
            log.flush()
            time.sleep(pause)


def main(epochs, path, pause):
    torch.set_num_threads(1)
    digits = load_digits()
    data = TensorDataset(
        torch.tensor(digits.data, dtype=torch.float32) / 16.0, torch.tensor(digits.target)
    )
    model = make(5)
    loader = DataLoader(data, batch_size=64, shuffle=True)
    train(model, loader, epochs, path, pause)
    print("weights", sum(float(each.detach().double().sum()) for each in model.parameters()).hex())


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]) if len(sys.argv) > 3 else 0.0)
