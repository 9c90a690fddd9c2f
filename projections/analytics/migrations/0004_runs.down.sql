DROP TABLE run_turns;
DROP TABLE run_parts;
DROP TABLE runs;
