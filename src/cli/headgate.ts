/** Which command it is. Each is loaded only when it is asked for, so that small ones are quick. */
import manifest from '../../package.json' with { type: 'json' };
import { exitCodeOf, explain } from './failure.ts';

const HELP = `Usage: headgate <command> [flags]

  serve    start the server: the OpenShift image API and an OCI registry
  auth     say who may do what, and why
  backup   write what is stored to a file, while the server runs
  restore  bring it back from there
  store    copy what is stored to another place: from SQLite to etcd, or back
  gc       delete content to which no tag, no history and no index leads any more
  scrub    read all content again, and tell which images are damaged
  blobs    copy the content of images to another place: from a folder to S3, or back
  token    print the administrator's API token; make, list and revoke tokens of users
  user     say who may log in with a password
  version  print the version
  help     print this

"headgate <command> --help" tells more.
`;

async function main(command: string | undefined, args: readonly string[]): Promise<void> {
  switch (command) {
    case 'serve':
      return (await import('./serve.ts')).run(args);
    case 'auth':
      return (await import('./auth.ts')).run(args);
    case 'backup':
      return (await import('./backup.ts')).run(args);
    case 'restore':
      return (await import('./restore.ts')).run(args);
    case 'store':
      return (await import('./store.ts')).run(args);
    case 'gc':
      return (await import('./gc.ts')).run(args);
    case 'scrub':
      return (await import('./scrub.ts')).run(args);
    case 'blobs':
      return (await import('./blobs.ts')).run(args);
    case 'token':
      return (await import('./token.ts')).run(args);
    case 'user':
      return (await import('./user.ts')).run(args);
    case 'version':
    case '--version':
    case '-v':
      process.stdout.write(`headgate ${manifest.version}\n`);
      return;
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(HELP);
      return;
    case undefined:
      process.stderr.write(HELP);
      process.exitCode = 2;
      return;
    default:
      process.stderr.write(`headgate: there is no command "${command}"\n\n${HELP}`);
      process.exitCode = 2;
  }
}

const [command, ...args] = process.argv.slice(2);
try {
  await main(command, args);
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(exitCodeOf(error));
}
