"""Each estimator's gradient is the exact derivative of the function that it is named after."""

from __future__ import annotations

import math

import pytest
import torch

from dse.networks import Estimator
from dse.nn.estimators import RESTE_FAR, RESTE_NEAR, estimated_sign

POINTS = torch.cat([torch.linspace(-2.5, 2.5, 1001), torch.tensor([0.0, -0.0, 1e-4, -1e-4, 1e-30])])
PROGRESS = (0.0, 0.3, 1.0)


def gradient(estimator: Estimator, x: torch.Tensor, progress: float = 0.0) -> torch.Tensor:
    x = x.clone().requires_grad_()
    estimated_sign(x, estimator, torch.tensor(progress)).sum().backward()
    return x.grad


def derivative(function, x: torch.Tensor) -> torch.Tensor:
    """Return the derivative of a float64 function, by automatic differentiation."""
    wide = x.double().requires_grad_()
    function(wide).sum().backward()
    return wide.grad.float()


def approx_sign(x):
    curve = torch.where(x < 0, 2 * x + x**2, 2 * x - x**2)
    return torch.where(x.abs() < 1, curve, x.detach().sign())


def ede(progress):
    t = 0.1 * 10 ** (2 * progress)
    return lambda x: max(1 / t, 1) * torch.tanh(t * x)


def sign_swish(x, beta=5.0):
    sigmoid = 1 / (1 + torch.exp(-beta * x))
    return 2 * sigmoid * (1 + beta * x * (1 - sigmoid)) - 1


@pytest.mark.parametrize("progress", PROGRESS)
@pytest.mark.parametrize(
    ("estimator", "function"),
    [
        (Estimator.STE, lambda progress: lambda x: torch.nn.functional.hardtanh(x)),
        (Estimator.APPROX_SIGN, lambda progress: approx_sign),
        (Estimator.TANH, lambda progress: torch.tanh),
        (Estimator.EDE, ede),
        (Estimator.SIGN_SWISH, lambda progress: sign_swish),
    ],
    ids=lambda value: str(value) if isinstance(value, Estimator) else "",
)
def test_gradient_is_the_derivative(estimator, function, progress):
    points = POINTS[POINTS.abs() != 1]  # kinks
    expected = derivative(function(progress), points)
    torch.testing.assert_close(gradient(estimator, points, progress), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("progress", PROGRESS)
def test_reste_is_the_derivative_of_a_root_between_its_cut_offs(progress):
    power = 1 + 2 * progress
    points = POINTS[(POINTS.abs() > RESTE_NEAR + 1e-3) & (POINTS.abs() < RESTE_FAR - 1e-3)]
    expected = derivative(lambda x: x.sign() * x.abs() ** (1 / power), points)
    torch.testing.assert_close(gradient(Estimator.RESTE, points, progress), expected, rtol=1e-4, atol=1e-5)
    near = POINTS[POINTS.abs() < RESTE_NEAR - 1e-3]
    chord = RESTE_NEAR ** (1 / power) / RESTE_NEAR
    torch.testing.assert_close(gradient(Estimator.RESTE, near, progress), torch.full_like(near, chord))
    assert not gradient(Estimator.RESTE, POINTS[POINTS.abs() > RESTE_FAR], progress).any()


def test_reste_is_a_straight_through_estimator_at_first_and_steeper_at_last():
    x = torch.tensor([0.05, 0.5, 1.4])
    assert gradient(Estimator.RESTE, x, 0.0).tolist() == [1, 1, 1]
    assert gradient(Estimator.RESTE, x, 1.0).tolist() == pytest.approx(
        [0.1 ** (1 / 3 - 1), 0.5 ** (1 / 3 - 1) / 3, 1.4 ** (1 / 3 - 1) / 3], rel=1e-5
    )


def test_bounds_of_the_straight_through_estimator_belong_to_it():
    x = torch.tensor([-1.0, 1.0, math.nextafter(1, 2) + 1e-6])
    assert gradient(Estimator.STE, x).tolist() == [1, 1, 0]


@pytest.mark.parametrize("estimator", Estimator)
def test_forward_is_the_sign_and_the_gradient_is_scaled_by_what_comes_back(estimator):
    x = torch.tensor([-3.0, -0.25, -0.0, 0.0, 0.25, 3.0], requires_grad=True)
    signs = estimated_sign(x, estimator, torch.tensor(0.5))
    assert signs.tolist() == [-1, -1, 1, 1, 1, 1]
    signs.backward(torch.full_like(x, -3.0))
    torch.testing.assert_close(x.grad, -3 * gradient(estimator, x.detach(), 0.5))


@pytest.mark.parametrize("estimator", Estimator)
def test_gradients_are_symmetric_and_finite(estimator):
    for progress in PROGRESS:
        slopes = gradient(estimator, POINTS, progress)
        assert torch.isfinite(slopes).all()
        torch.testing.assert_close(slopes, gradient(estimator, -POINTS, progress), rtol=1e-4, atol=1e-5)
