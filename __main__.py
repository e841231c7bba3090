"""`python -m tct`, which launchers such as torchrun need."""

from tct.cli import main

main()
