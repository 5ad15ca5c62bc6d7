"""Two networks with two optimizers that play against each other; spectral norm, noise generators."""
import torch
from torch import nn

torch.manual_seed(1)
torch.set_num_threads(1)
noise = torch.Generator().manual_seed(77)


def block(n, m):
    return nn.Sequential(nn.Linear(n, m), nn.LeakyReLU(0.2), nn.Dropout(0.1))


maker = nn.Sequential(block(8, 48), nn.BatchNorm1d(48), block(48, 48), nn.Linear(48, 2))
judge = nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(2, 48)), nn.LeakyReLU(0.2), nn.Linear(48, 1))
of_maker = torch.optim.Adam(maker.parameters(), lr=2e-3, betas=(0.5, 0.999))
of_judge = torch.optim.RMSprop(judge.parameters(), lr=1e-3)
loss_of = nn.BCEWithLogitsLoss()
ones, zeros = torch.ones(64, 1), torch.zeros(64, 1)
for step in range(600):
    angle = torch.rand(64, 1, generator=noise) * 6.28318
    real = torch.cat([angle.cos(), angle.sin()], 1)
    fake = maker(torch.randn(64, 8, generator=noise))
    judge_loss = loss_of(judge(real), ones) + loss_of(judge(fake.detach()), zeros)
    of_judge.zero_grad()
    judge_loss.backward()
    of_judge.step()
    maker_loss = loss_of(judge(fake), ones)
    of_maker.zero_grad()
    maker_loss.backward()
    of_maker.step()
    if step % 30 == 0:
        print(step, repr(judge_loss.item()), repr(maker_loss.item()), fake.detach().mean(0).tolist(), flush=True)
