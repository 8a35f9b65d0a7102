"""Who answers: one file a provider, loaded when first used."""
