DROP TRIGGER packing_match_once
--;
CREATE TRIGGER packing_match_once BEFORE INSERT ON packing_match
WHEN NEW.takes_out IS NULL AND NEW.document_unit IS NOT NULL AND EXISTS (SELECT 1 FROM packing_match
    WHERE document_unit = NEW.document_unit
    AND tray = NEW.tray AND (outcome <> 'matched' OR NEW.outcome NOT IN ('stopped', 'undone')))
BEGIN SELECT RAISE(ABORT, 'packing_match: one of a piece, unless it is stopped or undone after that'); END
--;
CREATE TRIGGER packing_match_taken_out BEFORE INSERT ON packing_match
WHEN (NEW.takes_out IS NOT NULL) <> (NEW.outcome = 'stopped' AND EXISTS (SELECT 1 FROM whereabouts
        WHERE unit_id = NEW.document_unit AND place = 'box'))
    OR NEW.takes_out IS NOT NULL AND NOT EXISTS (SELECT 1 FROM packing_match AS m WHERE m.match_id = NEW.takes_out
        AND m.document_unit = NEW.document_unit AND m.outcome = 'matched' AND m.box_id = NEW.tray
        AND NOT EXISTS (SELECT 1 FROM packing_match AS later WHERE later.document_unit = m.document_unit
            AND later.stored_us > m.stored_us AND (later.box_id = NEW.tray
            OR later.outcome = 'stopped' AND later.tray = NEW.tray)))
BEGIN SELECT RAISE(ABORT, 'packing_match: out of a box once after each match into it'); END
