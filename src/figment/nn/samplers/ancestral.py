"""How far a stochastic step goes down, and how much fresh noise makes up for the rest."""

__all__ = ["split"]


def split(now: float, after: float, eta: float = 1.0) -> tuple[float, float]:
    """Sigma to step down to, and deviation of the noise to add, so that together they make `after`.

    At `eta` 1 the noise is that of the exact posterior q(x_after | x_now, x_0) (Ho et al. 2020, eq. 7, in this form);
    at 0 there is none.
    """
    fresh = min(after, eta * (after**2 * (now**2 - after**2) / now**2) ** 0.5)
    return (after**2 - fresh**2) ** 0.5, fresh
