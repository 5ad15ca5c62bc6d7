"""DCGAN of pytorch/examples on random 64x64x3 images, Adam for both nets; one batch a step."""

import sys

import torch
from torch import nn


def generator(width: int) -> nn.Sequential:
    """Noise of 100 to an image."""
    layers: list[nn.Module] = []
    for into, out, stride, pad in ((100, 8, 1, 0), (8, 4, 2, 1), (4, 2, 2, 1), (2, 1, 2, 1)):
        into = into if into == 100 else into * width
        layers += [nn.ConvTranspose2d(into, out * width, 4, stride, pad, bias=False),
                   nn.BatchNorm2d(out * width), nn.ReLU()]  # fmt: skip
    return nn.Sequential(*layers, nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh())


def critic(width: int) -> nn.Sequential:
    """An image to one number."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for into in (1, 2, 4):
        layers += [nn.Conv2d(into * width, 2 * into * width, 4, 2, 1, bias=False),
                   nn.BatchNorm2d(2 * into * width), nn.LeakyReLU(0.2)]  # fmt: skip
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 0, bias=False), nn.Flatten(0))


def main(steps: int, scale: float) -> None:
    """Print both losses of each step."""
    torch.manual_seed(1)
    width = max(4, int(64 * scale**0.5))
    images = torch.rand(int(1000 * scale) + 16, 3, 64, 64) * 2 - 1
    nets = generator(width), critic(width)
    makes, judges = (torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999)) for n in nets)
    score = nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones(16), torch.zeros(16)
    for step in range(steps):
        fake = nets[0](torch.randn(16, 100, 1, 1))
        real = images[torch.randint(len(images), (16,))]
        judges.zero_grad()
        judged = score(nets[1](real), ones) + score(nets[1](fake.detach()), zeros)
        judged.backward()
        judges.step()
        makes.zero_grad()
        made = score(nets[1](fake), ones)
        made.backward()
        makes.step()
        print(step, round(judged.item(), 4), round(made.item(), 4), flush=True)


main(int(sys.argv[1]), float(sys.argv[2]))
