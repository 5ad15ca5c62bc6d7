"""Loaders with workers: shuffled, with random numbers in the workers, persistent, iterable."""

import random

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info


class Noisy(Dataset):
    def __len__(self):
        return 60

    def __getitem__(self, index):
        total = index
        for i in range(3000):
            total = (total * 31 + i) % 10007
        return torch.tensor([float(index), total]) + torch.rand(2), random.random()


class Stream(IterableDataset):
    def __iter__(self):
        info = get_worker_info()
        for n in range(info.id, 40, info.num_workers):
            yield n + random.randint(0, 1000) / 1000


def busy(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def main():
    torch.manual_seed(3)
    fresh = DataLoader(Noisy(), batch_size=4, shuffle=True, num_workers=2)
    kept = DataLoader(Noisy(), batch_size=5, shuffle=True, num_workers=2, persistent_workers=True)
    stream = DataLoader(Stream(), batch_size=3, num_workers=2)
    for epoch in range(2):
        for name, loader in (("fresh", fresh), ("kept", kept)):
            for n, (rows, drawn) in enumerate(loader):
                print(name, epoch, n, rows.sum().item(), drawn.sum().item(), busy(20000), flush=True)
        for n, values in enumerate(stream):
            print("stream", epoch, n, values.tolist(), busy(20000), flush=True)
    print("end", torch.rand(1).item())


if __name__ == "__main__":
    main()
