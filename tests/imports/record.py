"""Records what other programs' Glows answer, for tests of `train --init FILE --map MAP`.

    pip install torch normflows==1.7.3 safetensors && python3 record.py

Writes, in double precision, normflows_glow.safetensors and rosinality_glow.safetensors (state_dict() of each model, all its
parameters moved off their start) and answers.safetensors (x, and log p of each model). normflows is the package itself.
rosinality/glow-pytorch is no package: below are the formulas of its model.py, with its names.
"""

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

import normflows as nf

CHANNELS, SIZE, LEVELS, STEPS, HIDDEN = 1, 8, 3, 2, 4


class ActNorm(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.loc, self.scale = nn.Parameter(torch.zeros(1, c, 1, 1)), nn.Parameter(torch.ones(1, c, 1, 1))
        self.register_buffer("initialized", torch.tensor(1, dtype=torch.uint8))

    def forward(self, x):
        return self.scale * (x + self.loc), x.shape[2] * x.shape[3] * self.scale.abs().log().sum()


class InvConv2dLU(nn.Module):
    def __init__(self, c):
        super().__init__()
        p, l, u = torch.linalg.lu(torch.linalg.qr(torch.randn(c, c))[0])
        s = u.diagonal()
        for name, buffer in [("w_p", p), ("u_mask", torch.ones(c, c).triu(1)), ("l_mask", torch.ones(c, c).tril(-1)),
                             ("s_sign", s.sign()), ("l_eye", torch.eye(c))]:
            self.register_buffer(name, buffer.contiguous())
        self.w_l, self.w_s, self.w_u = (nn.Parameter(t.contiguous()) for t in (l, s.abs().log(), u.triu(1)))

    def forward(self, x):
        lower = self.w_l * self.l_mask + self.l_eye
        weight = self.w_p @ lower @ (self.w_u * self.u_mask + torch.diag(self.s_sign * torch.exp(self.w_s)))
        return F.conv2d(x, weight[:, :, None, None]), x.shape[2] * x.shape[3] * self.w_s.sum()


class ZeroConv2d(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=0)
        self.scale = nn.Parameter(torch.zeros(1, outputs, 1, 1))

    def forward(self, x):
        return self.conv(F.pad(x, [1, 1, 1, 1], value=1)) * torch.exp(self.scale * 3)


class AffineCoupling(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(c // 2, HIDDEN, 3, padding=1), nn.ReLU(), nn.Conv2d(HIDDEN, HIDDEN, 1),
                                 nn.ReLU(), ZeroConv2d(HIDDEN, c))

    def forward(self, x):
        a, b = x.chunk(2, 1)
        log_s, t = self.net(a).chunk(2, 1)
        s = torch.sigmoid(log_s + 2)
        return torch.cat([a, (b + t) * s], 1), torch.log(s).flatten(1).sum(1)


class Flow(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.actnorm, self.invconv, self.coupling = ActNorm(c), InvConv2dLU(c), AffineCoupling(c)

    def forward(self, x):
        x, first = self.actnorm(x)
        x, second = self.invconv(x)
        x, third = self.coupling(x)
        return x, first + second + third


def gaussian_log_p(x, mean, log_sd):
    return (-0.5 * torch.log(torch.tensor(2 * torch.pi)) - log_sd
            - 0.5 * (x - mean) ** 2 / torch.exp(2 * log_sd)).flatten(1).sum(1)


class Block(nn.Module):
    def __init__(self, c, split):
        super().__init__()
        self.flows, self.split = nn.ModuleList(Flow(4 * c) for _ in range(STEPS)), split
        self.prior = ZeroConv2d(2 * c, 4 * c) if split else ZeroConv2d(4 * c, 8 * c)

    def forward(self, x):
        b, c, h, w = x.shape
        out = x.view(b, c, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4).reshape(b, 4 * c, h // 2, w // 2)
        log_p = 0
        for flow in self.flows:
            out, log_det = flow(out)
            log_p = log_p + log_det
        if self.split:
            out, ended = out.chunk(2, 1)
            mean, log_sd = self.prior(out).chunk(2, 1)
        else:
            ended = out
            mean, log_sd = self.prior(torch.zeros_like(out)).chunk(2, 1)
        return out, log_p + gaussian_log_p(ended, mean, log_sd)


class Glow(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = [CHANNELS * 2**i for i in range(LEVELS)]
        self.blocks = nn.ModuleList(Block(c, c != sizes[-1]) for c in sizes)

    def log_prob(self, x):
        total = 0
        for block in self.blocks:
            x, log_p = block(x)
            total = total + log_p
        return total


def normflows_glow():
    q0, merges, flows = [], [], []
    for i in range(LEVELS):
        channels = CHANNELS * 2 ** (LEVELS + 1 - i)
        flows.append([nf.flows.GlowBlock(channels, HIDDEN) for _ in range(STEPS)] + [nf.flows.Squeeze()])
        size = SIZE // 2 ** (LEVELS - i)
        if i > 0:
            merges.append(nf.flows.Merge())
        q0.append(nf.distributions.GlowBase((channels if i == 0 else channels // 2, size, size)))
    model = nf.MultiscaleFlow(q0, flows, merges, class_cond=False)
    for module in model.modules():
        if isinstance(module, nf.flows.ActNorm):
            module.data_dep_init_done = torch.tensor(1.0)
    return model


def perturbed(model):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    x = torch.randn(5, CHANNELS, SIZE, SIZE)
    normflows, rosinality = perturbed(normflows_glow()), perturbed(Glow())
    with torch.no_grad():
        answers = {"x": x, "normflows": normflows.log_prob(x, None), "rosinality": rosinality.log_prob(x)}
    save_file(normflows.state_dict(), "normflows_glow.safetensors")
    save_file(rosinality.state_dict(), "rosinality_glow.safetensors")
    save_file(answers, "answers.safetensors")
    print(answers["normflows"], answers["rosinality"])
