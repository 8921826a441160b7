WHEN new.key_id IS NULL OR new.key_number IS NULL OR new.signature IS NULL
        OR (new.second_key_id IS NULL) <> (new.second_signature IS NULL)
        OR (new.second_key_id IS NULL) <> (new.second_key_number IS NULL)
    THEN {unsigned: a record bears the signature of its station}
WHEN new.key_number <> 1 + coalesce(
        (SELECT max(other.key_number) FROM custody_event AS other WHERE other.key_id = new.key_id), 0)
    THEN {key-number: a key numbers its records without a gap}
WHEN new.second_key_id IS NOT NULL AND new.second_key_number <> 1 + coalesce(
        (SELECT max(other.second_key_number) FROM custody_event AS other
         WHERE other.second_key_id = new.second_key_id), 0)
    THEN {key-number: a key numbers its records without a gap}
WHEN EXISTS (SELECT 1 FROM custody_event) AND NOT EXISTS (
        SELECT 1 FROM custody_register AS named WHERE named.register = 'key' AND named.subject = new.key_id
        AND named.field = 'owner' AND named.value = 'station:' || CASE
            WHEN new.act IN ('accept', 'refuse') THEN new.to_station
            WHEN new.act = 'register' THEN 'administration'
            ELSE new.from_station END)
    THEN {unknown-key: the key is not registered for the station that acts}
WHEN new.second_key_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM custody_register AS named WHERE named.register = 'key' AND named.subject = new.second_key_id
        AND named.field = 'owner' AND named.value = 'person:' || coalesce(new.second_person, new.person))
    THEN {unknown-key: the key is not registered for the person who signs}
WHEN EXISTS (SELECT 1 FROM custody_register AS named WHERE named.register = 'key' AND named.field = 'revoked'
        AND named.subject IN (new.key_id, new.second_key_id))
    THEN {revoked-key: the key was revoked}
