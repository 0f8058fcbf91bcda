"""The compact layout of stored records: bits instead of bytes, codes fitted to what each field usually holds."""
