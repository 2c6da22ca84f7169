"""Ids that people can remember and say: `brave-otter-k3f9`."""

import secrets

_ADJECTIVES = (
    "able agile amber ample apt azure balmy bold brave breezy brief bright brisk calm candid "
    "civil clean clear clever cosmic cozy crisp daring deft dusky eager early earnest easy elder "
    "fair fancy fast fine firm fleet fluent fond frank free fresh gentle gifted glad golden grand "
    "green happy hardy hazel hidden honest humble ideal ivory jade jolly keen kind large late "
    "lively loyal lucid lucky lunar mellow merry mighty mild modest neat nimble noble novel olive "
    "open orderly patient plain plucky polar polite prime proud quick quiet rapid ready regal "
    "robust rosy royal rustic sable safe sage scarlet serene sharp silent silver simple sleek smart "
    "smooth snowy solar solid sound spry steady stellar still stoic sunny super swift tender tidy "
    "tranquil true trusty upbeat urban valid vast velvet vivid warm wise witty young zesty"
).split()
_NOUNS = (
    "acorn alder ash aspen badger bay beacon beaver birch bison brook canyon cedar cliff cloud "
    "comet coral cove crane creek delta dolphin dove dune eagle egret elk ember falcon fern finch "
    "fjord fox gecko glade grove gull harbor hare hawk hazel heron hill ibex inlet iris island jay "
    "kestrel lagoon lake lark leaf lemur lily lynx maple marlin marsh martin meadow mesa moose moss "
    "moth newt oak orca orchid osprey otter owl panda pebble perch pine plover pond poplar puffin "
    "quail raven reef ridge river robin salmon seal shore skylark snipe sparrow spruce starling "
    "stone stork stream summit swan tern thicket thrush tide toucan trout tulip tundra valley vole "
    "walrus warbler willow wolf wren yak zebra"
).split()
# Without those that are taken for one another.
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
_TAIL = 4


def memorable() -> str:
    """A new id; more than ten thousand million of them, so that a taken one is rare."""
    words = secrets.choice(_ADJECTIVES), secrets.choice(_NOUNS)
    tail = "".join(secrets.choice(_LETTERS) for _ in range(_TAIL))
    return "-".join((*words, tail))
