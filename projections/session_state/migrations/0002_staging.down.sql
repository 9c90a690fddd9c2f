DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM spillway_projection', current_database());
END $$;
