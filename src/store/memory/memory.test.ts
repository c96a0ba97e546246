import { storeSuite } from '../suite.ts';
import { openMemoryStore } from './memory.ts';

storeSuite('memory', async () => ({ open: async () => openMemoryStore(), discard: async () => undefined }), {
  shared: false,
});
