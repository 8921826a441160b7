"""What the roles of a PostgreSQL line may do to the stations' tables, beyond what every line table allows, as SQL."""

from typing import Final

from handoff_logs.roles import Roles, quoted

ALARMS: Final = ("alarm", "alarm_step", "alarm_notice", "alarm_delivery")
DELIVERIES: Final = ("delivery_event", "delivered_parcel", "returned_parcel", "return_remake")
MAILING_DESK: Final = ("mailing_weighing", "mailing_scale_ask", "mailing_act", "manifest_print")
MACHINE_DESK: Final = ("machine_act",)
CASEBOOK: Final = ("casebook_entry", "casebook_attachment")
GATE: Final = ("gate_passage", "gate_step", "gate_ending", "gate_admission")
AUDITED: Final = (
    *(
        "person",
        "person_role",
        "sign_in_attempt",
        "issuer_sign_in",
        "terminal_session",
        "person_badge",
        "badge_sign_in",
    ),
    *("deadline_reckoning", "deadline_change", "green_channel"),
    *ALARMS,
    *("shift", "shift_count", "shift_counted", "shift_difference"),
    *("climate_zone", "climate_machine", "climate_sensor", "climate_reading", "climate_crossing", "climate_suspension"),
    *("shift_person", "shift_machine", "shift_item", "shift_settlement", "shift_stood"),
    *("shift_handover", "shift_relief", "shift_handed", "shift_passed", "evacuation", "evacuation_settlement"),
    *("roll", "roll_step"),
    *("patrol_round", "patrol_answer", "patrol_finding", "patrol_step"),
    *GATE,
    *("parcel", "consignment", "consigned_parcel"),
    *DELIVERIES,
    *MAILING_DESK,
    *MACHINE_DESK,
    *("review_lease", "review_decision", "review_view", "review_question", "review_answer", "review_second"),
    *("packing_box", "packing_match", "packing_ask", "packing_mismatch", "packing_release"),
    *("tray_count", "tray_scan"),
    *("qc_hold", "qc_decision", "qc_void", "qc_view"),
    *CASEBOOK,
)
"""What auditors read beside the log: who may sign, and who did; which deadlines moved, and what was raised to the green
channel; the alarms; what two people counted; the room's climate; the rolls; what patrols found; who passed the gate;
what carriers took and said, and what came back; who held, decided and looked at which application at the review desk,
what was asked and answered, and what was decided twice;
who counted which tray; who had which piece in hand at QC, decided and looked at it, and which two signed for a void;
who matched and packed what at the packing desk, and which two freed its hold shelf;
what operators signed at the machines; the casebook, whose pieces of pictures are nobody's.
Never an applicant's data, never a password's hash, never a photograph.
"""


def grants(roles: Roles) -> list[str]:
    """Return the statements; `handoff_logs.roles.grants` comes before."""
    service, auditor = quoted(roles.service), quoted(roles.auditor)
    return [
        f"REVOKE DELETE ON person, person_badge FROM {service}",
        f"REVOKE UPDATE, DELETE ON person_role, sign_in_attempt, issuer_sign_in, badge_sign_in, deadline_change,"
        f" green_channel FROM {service}",
        f"REVOKE UPDATE, DELETE ON roll, roll_step FROM {service}",
        f"REVOKE DELETE ON deadline_reckoning FROM {service}",
        # Who reviewed and who inspected is written once; an application and its stop change, and stay.
        f"REVOKE UPDATE, DELETE ON review_verdict, inspection, review_view, review_lease, review_decision"
        f" FROM {service}",
        f"REVOKE UPDATE, DELETE ON review_question, review_answer, review_second FROM {service}",
        # A lease ends once and a decision is undone once; the guards say how.
        f"GRANT UPDATE (ended_us, ended_how) ON review_lease TO {service}",
        f"GRANT UPDATE (undone_us) ON review_decision TO {service}",
        # A box is closed once and a question answered once; a match is written once.
        f"REVOKE UPDATE, DELETE ON packing_box, packing_match, packing_ask, packing_mismatch, packing_release"
        f" FROM {service}",
        f"GRANT UPDATE (resolution) ON packing_mismatch TO {service}",
        f"GRANT UPDATE (closed_us, closed_by, closed_sign_in) ON packing_box TO {service}",
        f"GRANT UPDATE (answer, answered_us, answered_by, sign_in) ON packing_ask TO {service}",
        # What readers found and people decided is written once; a hold ends, and a decision is undone, once.
        f"REVOKE UPDATE, DELETE ON qc_reading, qc_hold, qc_decision, qc_void, qc_view FROM {service}",
        f"GRANT UPDATE (ended_us, ended_how) ON qc_hold TO {service}",
        f"GRANT UPDATE (undone_us) ON qc_decision TO {service}",
        # A count ends once.
        f"REVOKE UPDATE, DELETE ON tray_count, tray_scan FROM {service}",
        f"GRANT UPDATE (ended_us, ended_how) ON tray_count TO {service}",
        f"REVOKE DELETE ON application, application_stop FROM {service}",
        # A shift is closed once; all else of it is written once.
        f"REVOKE DELETE ON shift, evacuation FROM {service}",
        "REVOKE UPDATE, DELETE ON shift_count, shift_counted, shift_difference, shift_person, shift_machine,"
        f" shift_item, shift_settlement, shift_handover, shift_relief, shift_handed, shift_passed, shift_stood,"
        f" evacuation_settlement FROM {service}",
        # A finding ends once; all else of a patrol is written once.
        f"REVOKE DELETE ON patrol_finding FROM {service}",
        f"REVOKE UPDATE, DELETE ON patrol_round, patrol_answer, patrol_photo, patrol_step FROM {service}",
        # A session is begun by the service, seen and ended by whoever asks with it; the guard says how.
        f"REVOKE UPDATE, DELETE ON terminal_session FROM {service}",
        f"GRANT UPDATE (seen_us, ended_us, ended_how) ON terminal_session TO {service}, {auditor}",
        f"REVOKE UPDATE, DELETE ON {', '.join(GATE)} FROM {service}",
        f"REVOKE UPDATE, DELETE ON {', '.join(CASEBOOK)} FROM {service}",
        f"REVOKE DELETE ON {', '.join(ALARMS)} FROM {service}",
        # What came back is decided once; all else that a carrier said is written once.
        f"REVOKE DELETE ON returned_parcel FROM {service}",
        f"REVOKE UPDATE, DELETE ON delivery_event, delivered_parcel, return_remake FROM {service}",
        # What was signed at mailing's desk is booked once; the guard says how.
        f"REVOKE UPDATE, DELETE ON {', '.join(MAILING_DESK)} FROM {service}",
        f"GRANT UPDATE (booked_us, refusal, told, content) ON mailing_act TO {service}",
        f"GRANT UPDATE (grams, fault, told_us) ON mailing_scale_ask TO {service}",
        f"REVOKE UPDATE, DELETE ON {', '.join(MACHINE_DESK)} FROM {service}",
        f"GRANT UPDATE (booked_us, refusal, told, content) ON machine_act TO {service}",
        # Readings and crossings go when they are old; the guards say how old.
        f"REVOKE UPDATE ON climate_reading, climate_crossing, climate_machine FROM {service}",
        f"REVOKE DELETE ON climate_zone, climate_suspension FROM {service}",
        f"REVOKE UPDATE ON alarm_step FROM {service}",
        f"GRANT SELECT ON {', '.join(AUDITED)} TO {auditor}",
        f"GRANT SELECT (code, set_us) ON person_password TO {auditor}",
        # How many pieces a machine made, which rolls are held against.
        f"GRANT SELECT (machine, outcome, result_us) ON job TO {auditor}",
    ]
