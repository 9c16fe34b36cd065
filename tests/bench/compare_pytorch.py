"""compare_pytorch.py: a training step of `dropcl` beside the same in PyTorch, by hand and with autograd.

    compare_pytorch.py build/dropcl [--size MxNxR] [--repeats N] [--threads N] [--json]

A step is: a new dropout mask on the units, the loss ||Y - U diag(mask) V'||^2, both gradients, an update. PyTorch
updates by plain descent, dropcl by Adam and an average of the iterates, which is more. In PyTorch the mask
multiplies; "gathered" copies the kept columns first, which is the best that can be had there by hand.
"""
import compare

RATE = 1e-12        # so small that nothing ever grows


def problem(torch, size):
    torch.manual_seed(1)
    m, n, width = map(int, size.split("x"))
    return torch.rand(m, n) * 2 - 1, torch.randn(m, width), torch.randn(n, width)


def by_hand(torch, size, retain):
    y, u, v = problem(torch, size)

    def step():
        mask = (torch.rand(u.shape[1]) < retain) / retain
        dropped = u * mask
        residual = torch.addmm(y, dropped, v.T, beta=-1)
        loss = torch.vdot(residual.view(-1), residual.view(-1))
        gradient_u = torch.mm(residual, v).mul_(mask)
        gradient_v = torch.mm(residual.T, dropped)
        u.sub_(gradient_u, alpha=2 * RATE)
        v.sub_(gradient_v, alpha=2 * RATE)
        return loss
    return step


def gathered(torch, size, retain):
    y, u, v = problem(torch, size)

    def step():
        kept = (torch.rand(u.shape[1]) < retain).nonzero().view(-1)
        some_u, some_v = u[:, kept] / retain, v[:, kept]
        residual = torch.addmm(y, some_u, some_v.T, beta=-1)
        loss = torch.vdot(residual.view(-1), residual.view(-1))
        u.index_add_(1, kept, torch.mm(residual, some_v), alpha=-2 * RATE / retain)
        v.index_add_(1, kept, torch.mm(residual.T, some_u), alpha=-2 * RATE)
        return loss
    return step


def autograd(torch, size, retain):
    y, u, v = problem(torch, size)
    u.requires_grad_()
    v.requires_grad_()
    optimizer = torch.optim.SGD([u, v], lr=RATE)

    def step():
        mask = (torch.rand(u.shape[1]) < retain) / retain
        loss = ((y - (u * mask) @ v.T) ** 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss
    return step


def main():
    taken = compare.arguments("A training step of dropcl beside PyTorch.", "2304x2304x96", "10000x784x64",
                              "784x10000x256")
    compare.require("torch")
    import torch
    torch.set_num_threads(taken.threads)
    found = []
    for size in taken.size:
        for retain in (0.5, 1):
            others = {"by hand": by_hand, "by hand, gathered": gathered, "autograd": autograd}
            others = {f"PyTorch {name}": make(torch, size, retain) for name, make in others.items()}
            times = compare.by_turns(
                lambda: compare.dropcl(taken.program, "step", "--size", size, "--retain", retain)[0]["seconds_median"],
                others, taken.repeats)
            found += compare.rows(f"step {size}, retain {retain}", times)
    compare.report({"PyTorch": torch.__version__}, taken.threads, found, taken.json)


if __name__ == "__main__":
    main()
