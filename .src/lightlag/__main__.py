"""``python -m lightlag``: the command line. So the processes of a run are called what they are: ``lightlag host mars``."""

from lightlag.launch.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
