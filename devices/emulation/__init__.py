"""Emulated machines, each a bare process of its own, and the emulated physical world they work on.

Physics (`machine`), memory (`memory`) and byte interface (`personalizer`, the drivers' `emulator` modules) are
separate parts. Nothing here is imported by a driver; the emulators themselves need only the standard library.
"""
