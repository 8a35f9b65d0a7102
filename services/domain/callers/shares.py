"""How places are shared among those who hold them, without a list of who is honest.

The rule is the dynamic threshold of shared buffers (Choudhury and Hahne, 1998): who holds some may
take another only while it holds less than a multiple of what is free. One alone gets a fixed part
of all places. Many that take all they can leave some free, however many they are, and who holds
none always gets in while there is a place.
"""

ALWAYS = 2
"""So many are never refused while there is a place: where there are few, they can be used."""

WHOLE = 1.0
"""As `alone`: nothing is shared, and one may hold everything."""


def may_take(held: int, free: int, alone: float) -> bool:
    """Tell whether a holder may take another place.

    `alone` is the part of all places that it gets where nobody else holds any; with two that take
    all they can, each gets alone / (1 + alone), and so on.
    """
    if free <= 0:
        return False
    return alone >= WHOLE or held < max(ALWAYS, free * alone / (1 - alone))
