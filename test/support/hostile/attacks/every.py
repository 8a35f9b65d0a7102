"""Every attack that a stranger is known to try; Documentation/security.md has the same list."""

from collections.abc import Mapping

from hostile.attack import Attack
from hostile.attacks import bodies, floods, heads, logins, protocols, readers, slow

FAMILIES: Mapping[str, tuple[Attack, ...]] = {
    "slow": slow.ATTACKS,
    "readers": readers.ATTACKS,
    "bodies": bodies.ATTACKS,
    "logins": logins.ATTACKS,
    "floods": floods.ATTACKS,
    "heads": heads.ATTACKS,
    "protocols": protocols.ATTACKS,
}
"""Attacks that are tried at the same time where there is no time to try each of them alone."""

ATTACKS = tuple(attack for family in FAMILIES.values() for attack in family)
BY_NAME = {attack.name: attack for attack in ATTACKS}
