"""flowjax: its coupling and masked autoregressive flows, trained by the step of its fit_to_data."""

import equinox
import jax
import optax
import paramax
from flowjax.bijections import RationalQuadraticSpline
from flowjax.distributions import Normal
from flowjax.flows import coupling_flow, masked_autoregressive_flow
from flowjax.train.losses import MaximumLikelihoodLoss
from flowjax.train.train_utils import step

from comparison.peers.jax_peer import JaxPeer


def flow_of(case):
    sizes, key = case.sizes, jax.random.key(0)
    settings = {
        "base_dist": paramax.non_trainable(Normal(jax.numpy.zeros(sizes["columns"]))),
        "flow_layers": sizes["transforms"],
        "nn_width": sizes["width"],
        "nn_depth": 2,
    }
    if case.kind == "maf":
        return masked_autoregressive_flow(key, **settings)
    if case.kind == "spline":
        transformer = RationalQuadraticSpline(knots=sizes["bins"], interval=sizes["bound"])
        settings.update(
            transformer=transformer, nn_depth=3
        )  # as deep as one residual block between two linear maps
    return coupling_flow(key, **settings)


class Flowjax(JaxPeer):
    def __init__(self, case):
        super().__init__(case)
        self.parts, static = equinox.partition(
            flow_of(case),
            equinox.is_inexact_array,
            is_leaf=lambda leaf: isinstance(leaf, paramax.NonTrainable),
        )
        optimizer, loss = optax.adam(1e-3), MaximumLikelihoodLoss()
        self.state = optimizer.init(self.parts)

        def distribution(parts):
            return paramax.unwrap(equinox.combine(parts, static))

        self.update = lambda parts, state, x: step(
            parts, static, x, optimizer=optimizer, opt_state=state, loss_fn=loss
        )
        self.score = equinox.filter_jit(lambda parts, x: distribution(parts).log_prob(x))
        self.draw = equinox.filter_jit(
            lambda parts, key, count: distribution(parts).sample(key, (count,))
        )


def build(case, clone):
    return Flowjax(case)
