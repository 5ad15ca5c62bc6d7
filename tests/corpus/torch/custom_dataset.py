"""A Dataset and Sampler of one's own, a convolution, shared weights, hooks, gradient accumulation."""
import random

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Sampler

torch.manual_seed(4)
random.seed(4)
torch.set_num_threads(1)


class Pictures(Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        g = torch.Generator().manual_seed(i)
        picture = torch.rand(1, 12, 12, generator=g)
        if random.random() < 0.5:
            picture = picture.flip(-1)
        return picture, i % 3


class ByPart(Sampler):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        order = list(range(self.n))
        random.shuffle(order)
        for i in order:
            yield i

    def __len__(self):
        return self.n


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3)
        self.again = nn.Conv2d(6, 6, 3, padding=1)
        self.last = nn.Linear(6 * 25, 3)
        self.tied = self.again

    def forward(self, x):
        x = torch.relu(self.conv(x))
        x = nn.functional.max_pool2d(self.tied(torch.relu(self.again(x))), 2)
        return self.last(x.flatten(1))


net = Net()
seen = []
net.conv.register_forward_hook(lambda module, given, out: seen.append(out.shape[0]))
average = [p.detach().clone() for p in net.parameters()]
optimizer = torch.optim.AdamW([{"params": net.conv.parameters(), "lr": 1e-3}, {"params": [*net.again.parameters(), *net.last.parameters()]}], lr=3e-3)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=200)
loader = DataLoader(Pictures(96), batch_size=12, sampler=ByPart(96), drop_last=True)
for epoch in range(16):
    for number, (x, y) in enumerate(loader):
        loss = nn.functional.cross_entropy(net(x), y) / 2
        loss.backward()
        if number % 2:
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            with torch.no_grad():
                for kept, p in zip(average, net.parameters()):
                    kept.lerp_(p, 0.1)
    print(epoch, repr(loss.item()), len(seen), repr(average[0].sum().item()), random.random(), flush=True)
