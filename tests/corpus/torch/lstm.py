"""An LSTM that learns a sequence; hidden state carried over, gradients clipped, SGD with momentum."""
import torch
from torch import nn

torch.manual_seed(8)
torch.set_num_threads(1)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(16, 12)
        self.lstm = nn.LSTM(12, 32, num_layers=2, dropout=0.1)
        self.out = nn.Linear(32, 16)
        self.register_buffer("steps", torch.zeros(1))

    def forward(self, x, state):
        y, state = self.lstm(self.embed(x), state)
        self.steps += 1
        return self.out(y), state


model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9, nesterov=True)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 40, gamma=0.7)
text = torch.randint(0, 16, (400,)).repeat(3)
state = None
for step in range(160):
    start = step * 24 % 1100
    piece = text[start:start + 25].unsqueeze(1)
    if state is not None:
        state = tuple(s.detach() for s in state)
    out, state = model(piece[:-1], state)
    loss = nn.functional.cross_entropy(out.flatten(0, 1), piece[1:].flatten())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    if step % 10 == 0:
        print(step, repr(loss.item()), repr(norm.item()), schedule.get_last_lr(), int(model.steps), flush=True)
