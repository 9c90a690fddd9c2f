"""Tests by intent: unit, contracts, properties, scenarios, faults, integration, architecture."""
