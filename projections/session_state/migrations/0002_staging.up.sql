-- Batches come by COPY into temporary tables of the projection's connection (docs/adr/0142). Where the right to make such
-- tables was taken from everybody, the projection needs it for itself.
DO $$
BEGIN
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO spillway_projection', current_database());
END $$;
