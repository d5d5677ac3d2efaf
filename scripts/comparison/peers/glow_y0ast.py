"""y0ast/Glow-PyTorch: its Glow, which dequantizes in its forward pass."""

import torch

from comparison.peers.torch_peer import TorchPeer, import_clone


class Y0ast(TorchPeer):
    def __init__(self, case):
        super().__init__(case)
        import model

        self.model = model.Glow(
            (32, 32, 3),
            case.sizes["width"],
            case.sizes["depth"],
            3,
            1.0,
            "invconv",
            "affine",
            False,
            10,
            True,
            False,
        )
        self.optimize()

    def scores(self, x):
        return self.model(x.float() / 256 - 0.5, None)[1]

    def loss(self, x):
        return self.scores(x).mean()  # bits per dimension

    def draws(self, count):
        from modules import gaussian_sample

        # Their own prior(None) is fixed to 32 samples.
        mean, logs = self.model.prior(torch.empty(count, 1))
        return self.model(z=gaussian_sample(mean, logs, 1), temperature=1, reverse=True)


def build(case, clone):
    import_clone(clone)
    return Y0ast(case)
