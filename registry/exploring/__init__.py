"""Questions that are more than a list: one module each, asked by GraphQL and by pages alike."""
