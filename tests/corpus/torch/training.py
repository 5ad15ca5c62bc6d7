"""A training loop: DataLoader with shuffle, dropout, batch norm, Adam, a learning-rate schedule."""
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
torch.set_num_threads(1)
x = torch.randn(1200, 20)
y = (x[:, :5].sum(1) > 0).long()
loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
model = nn.Sequential(nn.Linear(20, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-4)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=12)
loss_of = nn.CrossEntropyLoss()
for epoch in range(24):
    total = 0.0
    model.train()
    for batch, labels in loader:
        optimizer.zero_grad()
        loss = loss_of(model(batch), labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
    schedule.step()
    model.eval()
    with torch.no_grad():
        right = (model(x).argmax(1) == y).float().mean().item()
    print(epoch, repr(total), repr(right), schedule.get_last_lr(), flush=True)
torch.save(model.state_dict(), "model.pt")
print(sum(p.double().sum().item() for p in model.state_dict().values()))
