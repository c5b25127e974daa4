"""Names for runs that nobody named: two words and a number."""

import secrets
from typing import Final

__all__ = ["new_run_name"]

_ADJECTIVES: Final = tuple(
    """
    agile amber ample ardent balmy bold brave breezy brisk calm candid clever cosmic cozy crisp
    curious dapper daring deft eager earnest fabled fair fancy fearless fluent fond frosty gallant
    gentle gifted glad golden graceful grand hardy hearty honest humble jolly jovial keen kind
    lively lucid lucky mellow merry mighty modest nimble noble patient placid playful polite proud
    quick quiet radiant rapid restful robust rosy serene sharp shiny silent sincere sleek smooth
    snug solid spry stately steady stellar stoic sunny swift tidy tranquil upbeat valiant velvet
    vivid warm whimsical wise witty zesty
    """.split()  # noqa: SIM905 - a literal would have a line for each
)
_ANIMALS: Final = tuple(
    """
    alpaca ant badger bat bear beaver bee bison boar bobcat buffalo camel caracal cat chamois
    cheetah cobra condor crab crane crow deer dingo dolphin donkey dove dragonfly duck eagle eel
    egret elk falcon ferret finch fox frog gazelle gecko gibbon goat goose gull hare hawk hedgehog
    heron hornet horse ibex iguana jackal jay kestrel kingfisher koala kudu lark lemur leopard
    lion lizard llama lynx magpie marmot marten mole moose moth newt octopus okapi orca osprey
    otter owl ox panda panther parrot pelican penguin pike puffin puma quail rabbit raccoon raven
    robin salmon seal shark shrew sloth snail sparrow squid stork swan tapir tiger toad trout
    turtle viper vole walrus wasp whale wolf wombat wren yak zebra
    """.split()  # noqa: SIM905 - a literal would have a line for each
)
_NUMBERS: Final = 1000


def new_run_name() -> str:
    """Returns a name such as `keen-otter-417`; it need not be unique."""
    words = secrets.choice(_ADJECTIVES), secrets.choice(_ANIMALS)
    return f"{words[0]}-{words[1]}-{secrets.randbelow(_NUMBERS)}"
