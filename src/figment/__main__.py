"""`python -m figment`, which is how launchers such as `accelerate launch -m figment train ...` start it."""

from figment.cli import main

if __name__ == "__main__":
    main()
