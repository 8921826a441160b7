WHEN event.event_id IS NULL
    THEN {no-event: a unit row belongs to an event written before it}
WHEN new.step > 1 AND previous.unit_id IS NULL
    THEN {gap-in-steps: the step before this one is not written}
WHEN new.position > coalesce(event.last_position, 0)
    THEN {rows-of-an-event: positions run from 1 to the last one that the event promises}
WHEN NOT EXISTS (
        SELECT 1 FROM custody_move AS legal
        WHERE legal.act = event.act AND legal.before = coalesce(previous.state, 'none') AND legal.after = new.state)
    THEN {illegal-move: the act does not take a unit from its state to this one}
WHEN new.kind <> previous.kind
    THEN {kind-changed: a unit keeps its kind}
WHEN new.step = 1 AND NOT CASE event.act
        WHEN 'receive' THEN new.kind IN ('order', 'blank', 'tray')
        WHEN 'transform' THEN new.kind = 'document'
        WHEN 'pack' THEN new.kind = 'parcel'
        ELSE new.kind = 'order' END
    THEN {birth: this act does not bring this kind of unit into the log}
WHEN previous.station <> event.from_station AND CASE event.act
        WHEN 'receive' THEN FALSE
        WHEN 'settle' THEN previous.state = 'doubt'
        WHEN 'unpack' THEN new.position = 1
        ELSE TRUE END
    THEN {wrong-station: only the station that answers for a unit acts on it}
WHEN new.station <> CASE
        WHEN event.act IN ('accept', 'dispatch') THEN event.to_station
        WHEN event.act = 'settle' AND new.state = 'ended' THEN previous.station
        ELSE event.from_station END
    THEN {wrong-custodian: the act leaves the unit with another station}
WHEN new.person <> CASE event.act
        WHEN 'refuse' THEN previous.person
        WHEN 'dispatch' THEN event.to_station
        ELSE event.person END
    THEN {wrong-custodian: the act leaves the unit with another person}
WHEN event.offer_id IS NOT NULL AND previous.handoff_id <> event.handoff_id
    THEN {wrong-handoff: the unit is offered under another handoff}
WHEN new.handoff_id <> event.handoff_id
    THEN {wrong-handoff: the row names another handoff than its event}
WHEN event.act = 'receive' AND event.second_person IS NULL AND new.kind IN ('blank', 'document', 'parcel')
    THEN {two-people: blanks, documents and parcels are received by two people}
WHEN new.state = 'void_offered' AND event.to_station <> 'vault'
    THEN {void-destination: a void unit moves only towards its destruction}
WHEN event.act = 'void' AND new.kind IN ('parcel', 'tray')
    THEN {void: a container is opened, not voided}
WHEN event.act = 'dispatch' AND new.kind <> 'order'
    THEN {dispatch: a thing is handed over to somebody who accepts it}
WHEN event.act = 'refuse' AND (new.state IN ('missing', 'void_missing')) <> (coalesce(event.reason, '') = 'missing')
    THEN {missing: a refusal as missing says so in its reason}
WHEN new.state IN ('missing', 'void_missing') AND NOT EXISTS (
        SELECT 1 FROM custody_case WHERE custody_case.event_id = new.event_id AND custody_case.unit_id = new.unit_id)
    THEN {missing: each missing unit has a case}
WHEN event.act = 'settle' AND previous.state IN ('missing', 'void_missing') AND NOT EXISTS (
        SELECT 1 FROM custody_case WHERE custody_case.case_id = event.case_id AND custody_case.unit_id = new.unit_id)
    THEN {settle: a missing unit is settled by its case}
WHEN event.act = 'settle' AND new.step > 1 AND NOT coalesce(CASE new.outcome
        WHEN 'found-at-sender' THEN new.station = previous.station AND previous.state IN ('missing', 'void_missing')
            AND new.state IN ('held', 'void')
        WHEN 'found-at-receiver' THEN previous.state IN ('missing', 'void_missing') AND new.state IN ('held', 'void')
            AND new.station = (SELECT offer.to_station FROM custody_event AS offer
                               WHERE offer.event_id = previous.handoff_id)
        WHEN 'found-elsewhere' THEN previous.state IN ('missing', 'void_missing') AND new.state IN ('doubt', 'void')
        WHEN 'lost' THEN new.state = 'ended'
        WHEN 'delivered' THEN new.state = 'ended' AND (previous.state = 'packed'
            OR (previous.state = 'outside' AND new.kind = 'parcel'))
        WHEN 'made-good' THEN previous.state = 'doubt' AND new.state = 'held'
        WHEN 'unmarked' THEN previous.state = 'doubt' AND new.state = 'held'
        WHEN 'made-bad' THEN previous.state = 'doubt' AND new.state = 'void' END, FALSE)
    THEN {settle: the outcome does not leave the unit like this}
WHEN event.act = 'transform' AND (event.last_position <> 3 OR NOT CASE new.position
        WHEN 1 THEN new.kind = 'order' AND new.state = 'ended'
        WHEN 2 THEN new.kind = 'blank' AND new.state = 'ended'
        ELSE new.kind = 'document' AND new.state = 'held' END)
    THEN {transform: one order and one blank, in this order, become one document}
WHEN new.state = 'packed' AND NOT EXISTS (
        SELECT 1 FROM custody_unit AS parcel WHERE parcel.unit_id = new.container AND parcel.step = 1
        AND parcel.kind = 'parcel' AND parcel.event_id = new.event_id)
    THEN {container: a unit is packed into a parcel born in the same event}
WHEN event.act = 'unpack' AND new.position = 1 AND NOT (new.kind = 'parcel' AND new.state = 'ended'
        AND event.last_position - 1 = (
            SELECT count(*) FROM custody_unit AS parcel JOIN custody_unit AS packed
            ON packed.event_id = parcel.event_id AND packed.container = parcel.unit_id
            WHERE parcel.unit_id = new.unit_id AND parcel.step = 1))
    THEN {container: a parcel is opened first, and all that is in it comes out}
WHEN event.act = 'unpack' AND new.position > 1 AND NOT EXISTS (
        SELECT 1 FROM custody_unit AS parcel WHERE parcel.event_id = new.event_id AND parcel.position = 1
        AND parcel.unit_id = previous.container)
    THEN {container: a unit comes out of the parcel that it was packed in}
WHEN event.act = 'settle' AND new.kind = 'parcel' AND new.state = 'ended' AND NOT (new.position = 1
        AND event.last_position - 1 = (
            SELECT count(*) FROM custody_unit AS parcel JOIN custody_unit AS packed
            ON packed.event_id = parcel.event_id AND packed.container = parcel.unit_id
            WHERE parcel.unit_id = new.unit_id AND parcel.step = 1))
    THEN {container: a parcel ends alone in its record, and with all that is in it}
WHEN event.act = 'settle' AND previous.state = 'packed' AND NOT EXISTS (
        SELECT 1 FROM custody_unit AS parcel WHERE parcel.event_id = new.event_id AND parcel.position = 1
        AND parcel.unit_id = previous.container AND parcel.state = 'ended' AND parcel.outcome = new.outcome)
    THEN {container: what is packed ends with its parcel, and as that does}
