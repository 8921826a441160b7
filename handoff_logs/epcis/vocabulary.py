"""The closed vocabularies of EPCIS 2.0 and its Core Business Vocabulary (CBV 2.0), and this program's own namespace."""

GS1_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
NAMESPACE = "urn:passline:vocabulary:"
CONTEXT: list[str | dict[str, str]] = [GS1_CONTEXT, {"passline": NAMESPACE}]
"""`@context` of every document: GS1's terms, and under `passline:` the line's own facts."""

SCHEMA_VERSION = "2.0"
EPCIS_VERSION = CBV_VERSION = "2.0.0"

OBJECT, AGGREGATION, TRANSFORMATION = "ObjectEvent", "AggregationEvent", "TransformationEvent"
EVENT_TYPES = frozenset({OBJECT, AGGREGATION, TRANSFORMATION, "TransactionEvent", "AssociationEvent"})
ACTIONS = frozenset({"ADD", "OBSERVE", "DELETE"})
POSSESSING = "possessing_party"
PARTY_TYPES = frozenset({"owning_party", POSSESSING, "location"})
ERROR_REASONS = frozenset({"did_not_occur", "incorrect_data"})

_STEPS = """
accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting
decommissioning departing destroying disassembling dispensing encoding entering_exiting holding inspecting installing
killing loading other packing picking receiving removing repackaging repairing replacing reserving retail_selling
sampling sensor_reporting shipping staging_outbound stock_taking stocking storing transporting unloading unpacking
void_shipping
"""
_DISPOSITIONS = """
active available completeness_inferred completeness_verified conformant container_closed container_open damaged
destroyed dispensed disposed encoded expired in_progress in_transit inactive mismatch_class mismatch_instance
mismatch_quantity needs_replacement no_pedigree_match non_conformant non_sellable_other partially_dispensed recalled
reserved retail_sold returned sellable_accessible sellable_not_accessible stolen unavailable unknown
"""
BIZ_STEPS = frozenset(_STEPS.split())
DISPOSITIONS = frozenset(_DISPOSITIONS.split())
