import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { MongoClient } from 'mongodb'
import { freePort } from '../stores/s3-server.js'
import { fetchJars, lacks } from './maven.js'
import { type DatabaseServer, untilAnswering } from './postgres-server.js'

const VERSION = '1.47.0'
const home = resolve('.moodlake/mongo')
const libs = join(home, `mongo-java-server-${VERSION}`)

/** Why the MongoDB tests cannot run here, or undefined. */
export const noMongo = lacks('javac')
  ? 'no javac: apt-get install default-jdk-headless'
  : !existsSync(libs) && lacks('mvn')
    ? 'no mvn to fetch the server with: apt-get install maven'
    : undefined

/**
 * The driver asks for a server that speaks as 4.4 does; what the sink uses of that, this one does. Left alone it writes its data once a
 * second; MongoDB has written what it answers for (journal), and so does this one here.
 */
const MAIN = `
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.util.List;
import org.h2.mvstore.MVStore;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
public class Main {
  public static void main(String[] args) {
    MVStore store = new MVStore.Builder().fileName(args[0]).autoCommitDisabled().open();
    H2Backend backend = new H2Backend(store) {
      @Override public Document handleMessage(MongoMessage message) {
        Document answer = super.handleMessage(message);
        store.commit();
        return answer;
      }
    };
    backend.version(new MongoVersion() {
      public List<Integer> getVersionArray() { return List.of(4, 4, 0); }
      public int getWireVersion() { return 9; }
    });
    MongoServer server = new MongoServer(backend);
    server.bind("127.0.0.1", Integer.parseInt(args[1]));
  }
}
`

/** Compiles the server's main class beside its jars. */
function compileMain(folder: string): void {
  writeFileSync(join(folder, 'Main.java'), MAIN)
  execFileSync('javac', ['-cp', join(folder, '*'), join(folder, 'Main.java')])
}

/** Starts a server that speaks MongoDB's protocol and keeps its data on disk; stop it when done. */
export async function startMongo(): Promise<DatabaseServer> {
  fetchJars(libs, `de.bwaldvogel:mongo-java-server-h2-backend:${VERSION}`, compileMain)
  const folder = mkdtempSync(join(tmpdir(), 'moodlake-mongo-'))
  const port = await freePort()
  const uri = `mongodb://127.0.0.1:${port}/tweets`
  let server: ChildProcess | undefined
  const start = async () => {
    server = spawn('java', ['-cp', `${libs}:${join(libs, '*')}`, 'Main', join(folder, 'data'), String(port)], { stdio: 'ignore' })
    await untilAnswering(async () => {
      const client = new MongoClient(uri, { serverSelectionTimeoutMS: 500 })
      try {
        await client.db().command({ ping: 1 })
      } finally {
        await client.close()
      }
    }, 'the MongoDB server')
  }
  const kill = async () => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    const ended = new Promise(resolve => server!.once('exit', resolve))
    server.kill('SIGKILL')
    await ended
  }
  await start()
  return {
    uri,
    kill,
    restart: start,
    async stop() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
