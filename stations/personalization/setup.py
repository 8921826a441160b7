"""What a machine's work needs to know beyond its workplace: values that the line's configuration gives."""

from dataclasses import dataclass

from stations.personalization.chip import SecurityObjectMaker


@dataclass(frozen=True, slots=True)
class Setup:
    """How one machine is worked.

    `centre` and the application make the job ids; `worker` names this process: the same name may take its own lease
    again at once, another waits `lease_s`. `work_s` is how long a started document may take before it is uncertain,
    `poll_s` how often an idle machine looks for orders, `retry_s` how often a lost one is tried again, `stack` how many
    blanks are loaded at a time, `sharing` how many machines load from the same stock. `machines` are all of the line:
    after a declared loss nothing is drawn on one before every one has told what it made.
    """

    centre: str
    worker: str
    products: tuple[str, ...]
    maker: SecurityObjectMaker
    lease_s: float = 30.0
    work_s: float = 180.0
    poll_s: float = 0.05
    retry_s: float = 0.5
    stack: int = 10
    sharing: int = 1
    machines: tuple[str, ...] = ()
