"""chrischute/real-nvp and chrischute/flowplusplus, with the decay and clipping of their train.py."""

import math

import torch

from comparison.peers.torch_peer import TorchPeer, import_clone

PIXELS = 3 * 32 * 32


class Chrischute(TorchPeer):
    def __init__(self, case, model, loss, largest_norm):
        super().__init__(case)
        import util

        self.util, self.model, self.loss_of, self.largest_norm = util, model, loss, largest_norm
        self.optimize(util.get_param_groups(model, 5e-5, norm_suffix="weight_g"))

    def terms(self, x):
        return self.model(x.float() / 255, reverse=False)

    def clip(self):
        self.util.clip_grad_norm(self.optimizer, self.largest_norm)

    def loss(self, x):
        return self.loss_of(*self.terms(x))

    def scores(self, x):
        z, log_det = self.terms(x)
        return (
            -0.5 * (z**2 + math.log(2 * math.pi)).flatten(1).sum(-1)
            - math.log(256) * PIXELS
            + log_det
        )

    def draws(self, count):
        return torch.sigmoid(self.model(torch.randn(count, *self.case.shape), reverse=True)[0])


def real_nvp(case):
    from models import RealNVP, RealNVPLoss

    model = RealNVP(
        num_scales=2,
        in_channels=3,
        mid_channels=case.sizes["width"],
        num_blocks=case.sizes["blocks"],
    )
    return Chrischute(case, model, RealNVPLoss(), 100.0)


def flowpp(case):
    import util
    from models import FlowPlusPlus

    model = FlowPlusPlus(
        scales=[(0, 4), (2, 3)],
        in_shape=(3, 32, 32),
        mid_channels=case.sizes["width"],
        num_blocks=case.sizes["blocks"],
        num_dequant_blocks=2,
        num_components=case.sizes["components"],
        use_attn=True,
        drop_prob=0.2,
    )
    return Chrischute(case, model, util.NLLLoss(), 1.0)


def build(case, clone):
    import_clone(clone, cured=True)
    return real_nvp(case) if case.kind == "realnvp" else flowpp(case)
