"""The BM13xx family (BM1397, BM1362, BM1366, BM1368, BM1370): its wire format without a port, a clock or any I/O."""
