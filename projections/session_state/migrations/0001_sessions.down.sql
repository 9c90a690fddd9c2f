DROP VIEW sessions;
DROP TABLE positions;
DROP TABLE session_events;
DROP TABLE turns;
