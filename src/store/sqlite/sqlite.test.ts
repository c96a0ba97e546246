import { storeSuite } from '../suite.ts';
import { openSqliteStore } from './sqlite.ts';
import { temporaryFile } from './temporary.ts';

storeSuite(
  'sqlite',
  async () => {
    const temporary = await temporaryFile();
    return {
      open: () => openSqliteStore({ file: temporary.file, historySeconds: 0 }),
      discard: () => temporary.discard(),
    };
  },
  { shared: true },
);
