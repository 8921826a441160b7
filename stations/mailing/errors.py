"""What mailing refuses: of what comes back, of what a carrier says, and at its desk."""

from stations.errors import StationError


class DeliveryFileError(StationError):
    """A file that is none of a carrier's events; nothing was loaded."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(file, reason)
        self.file, self.reason = file, reason

    def __str__(self) -> str:
        return f"{self.file} {self.reason}; nothing was loaded. The form: passline mailing deliveries schema"


class UnknownAskError(StationError):
    """Nothing was asked of the scale under this id, or it told no weight that this person may confirm."""

    def __init__(self, ask_id: str) -> None:
        super().__init__(ask_id)
        self.ask_id = ask_id

    def __str__(self) -> str:
        return f"the scale told no weight for {self.ask_id}; lay the parcel on it and ask again. Nothing was recorded"


class ScaleWeighsError(StationError):
    """A weight was typed where the desk's own scale tells it; nothing was recorded."""

    def __init__(self, label: str, scale: str) -> None:
        super().__init__(label, scale)
        self.label, self.scale = label, scale

    def __str__(self) -> str:
        return f"{self.scale} weighs {self.label}; it is typed only when the scale stands. Nothing was recorded"


class UnknownSendingError(StationError):
    """Nothing was ever sent under a number or label."""

    def __init__(self, item: str) -> None:
        super().__init__(item)
        self.item = item

    def __str__(self) -> str:
        return f"no parcel has the tracking number or label {self.item}; scan it again. Nothing was recorded"


class UnknownParcelsError(StationError):
    """Scans of what this line never packed; nothing was recorded."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        super().__init__(labels)
        self.labels = labels

    def __str__(self) -> str:
        return (
            f"{len(self.labels)} scans are no labels of this line (first: {self.labels[0]}); take them out of the "
            "pile, give them back to the carrier, and scan the others again. Nothing was recorded"
        )


class NothingScannedError(StationError):
    """A count of nothing, without a return note that it could be held against."""

    def __str__(self) -> str:
        return "nothing was scanned, and no return note is named; nothing was recorded"


class UnknownNoteError(StationError):
    """No event that was loaded names this return note."""

    def __init__(self, note: str) -> None:
        super().__init__(note)
        self.note = note

    def __str__(self) -> str:
        return (
            f"no loaded event names the return note {self.note}; load the carrier's file first "
            "(passline mailing deliveries load), or receive without a note. Nothing was recorded"
        )


class NotReturnedError(StationError):
    """A parcel that does not wait among what came back."""

    def __init__(self, item: str, standing: str) -> None:
        super().__init__(item, standing)
        self.item, self.standing = item, standing

    def __str__(self) -> str:
        return f"{self.item} does not wait among what came back: it is {self.standing}; nothing was changed"


class NothingToSettleError(StationError):
    """A parcel without an open case, or one that the finding does not fit."""

    def __init__(self, item: str, standing: str, found: str) -> None:
        super().__init__(item, standing, found)
        self.item, self.standing, self.found = item, standing, found

    def __str__(self) -> str:
        return f"{self.item} is {self.standing}, which can't be settled as {self.found}; nothing was changed"


class LiveElsewhereError(StationError):
    """The person of an application has another live one by now, so this one does not come alive again."""

    def __init__(self, application_id: str, product: str) -> None:
        super().__init__(application_id, product)
        self.application_id, self.product = application_id, product

    def __str__(self) -> str:
        return (
            f"the person of application {self.application_id} has a newer live application for a {self.product}; "
            "destroy what came back without a remake. Nothing was changed"
        )


class RemadeBeforeError(StationError):
    """A document that came back is made again once."""

    def __init__(self, application_id: str) -> None:
        super().__init__(application_id)
        self.application_id = application_id

    def __str__(self) -> str:
        return (
            f"application {self.application_id} was made again once after its document came back; destroy this one "
            "without a remake, its person may apply anew. Nothing was changed"
        )


class PersonErasedError(StationError):
    """An application whose person was erased can't be made again."""

    def __init__(self, application_id: str) -> None:
        super().__init__(application_id)
        self.application_id = application_id

    def __str__(self) -> str:
        return (
            f"the person of application {self.application_id} was erased, so nothing can be made of it; destroy what "
            "came back without a remake. Nothing was changed"
        )


class UnknownManifestError(StationError):
    """No consignment has this id."""

    def __init__(self, consignment: str) -> None:
        super().__init__(consignment)
        self.consignment = consignment

    def __str__(self) -> str:
        return f"there is no manifest {self.consignment}; passline mailing manifests lists them"


class BadDeskIdError(StationError):
    """What a desk sent has no id that makes it the same when it is sent again."""

    def __str__(self) -> str:
        return "the desk sent no id of 32 hexadecimal digits; nothing was stored. Load the page again"


class DeskIdTakenError(StationError):
    """The id of what a desk sent is another's."""

    def __init__(self, sent: str) -> None:
        super().__init__(sent)
        self.sent = sent

    def __str__(self) -> str:
        return f"something else was stored under {self.sent}; load the page again. Nothing was changed"


class WeightRefusedError(StationError):
    """No scale shows this for a parcel."""

    def __init__(self, grams: int) -> None:
        super().__init__(grams)
        self.grams = grams

    def __str__(self) -> str:
        return f"{self.grams} g is no parcel's weight; read the display again. Nothing was stored"


class UnknownLabelError(StationError):
    """A scan that is no label of this line."""

    def __init__(self, label: str) -> None:
        super().__init__(label)
        self.label = label

    def __str__(self) -> str:
        return f"{self.label} is no label of this line; scan again, or put the parcel in quarantine. Nothing was stored"


class NotInTrayError(StationError):
    """A parcel that lies in no tray that mailing accepted and has not handed on."""

    def __init__(self, label: str, standing: str) -> None:
        super().__init__(label, standing)
        self.label, self.standing = label, standing

    def __str__(self) -> str:
        return (
            f"parcel {self.label} is {self.standing}, not in a tray that mailing accepted; accept its tray first, or "
            "put it in quarantine. Nothing was stored"
        )


class ParcelStoppedError(StationError):
    """A parcel with a stopped application in it isn't weighed: it is opened and goes back to packing."""

    def __init__(self, label: str) -> None:
        super().__init__(label)
        self.label = label

    def __str__(self) -> str:
        return (
            f"an application in parcel {self.label} is stopped; put the parcel aside, it goes back to packing. "
            "Nothing was stored"
        )


class WeighedBeforeError(StationError):
    """A parcel whose weight is settled."""

    def __init__(self, label: str, mailer: str, grams: int) -> None:
        super().__init__(label, mailer, grams)
        self.label, self.mailer, self.grams = label, mailer, grams

    def __str__(self) -> str:
        return f"{self.mailer} weighed parcel {self.label}: {self.grams} g, and that stands. Nothing was stored"


class NothingAtTheDoorError(StationError):
    """None of the parcels that a driver counted is offered to the carrier."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        super().__init__(labels)
        self.labels = labels

    def __str__(self) -> str:
        return (
            f"none of the {len(self.labels)} parcels counted is offered to the carrier; unload them, and let mailing "
            "look where they belong. Nothing was handed over"
        )


class NothingRefusedError(StationError):
    """A tray that does not stand refused, so that there is nothing to take back."""

    def __init__(self, handoff: str) -> None:
        super().__init__(handoff)
        self.handoff = handoff

    def __str__(self) -> str:
        return f"handoff {self.handoff} does not stand refused; load the page again. Nothing was changed"
