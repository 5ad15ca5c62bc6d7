"""autograd by hand: leaf tensors, retained graphs, custom functions, second derivatives, views."""
import torch

torch.manual_seed(0)
torch.set_num_threads(1)


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 3

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 3 * x ** 2


weights = torch.randn(30, requires_grad=True)
base = torch.zeros(6, 5)
row, flat = base[2], base.view(-1)
velocity = torch.zeros(30)
for step in range(2500):
    y = Cube.apply(weights * 0.5).sum() + (weights ** 2).sum()
    (grad,) = torch.autograd.grad(y, weights, create_graph=True)
    penalty = (grad ** 2).mean()
    penalty.backward()
    with torch.no_grad():
        velocity.mul_(0.9).add_(weights.grad)
        weights -= 1e-3 * velocity
        row += weights[:5]
        flat[0] += 1
    if step % 2 == 0:
        weights.grad = None
    if step % 125 == 0:
        print(step, repr(penalty.item()), repr(base.sum().item()), row.data_ptr() == base[2].data_ptr(), weights.is_leaf, flush=True)
