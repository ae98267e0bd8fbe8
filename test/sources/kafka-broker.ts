import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import { freePort } from '../stores/s3-server.js'
import { fetchJars, lacks } from './maven.js'

const VERSION = '4.3.1'
const home = resolve('.moodlake/kafka')
const libs = join(home, `kafka-${VERSION}`)

/** Why the Kafka tests cannot run here, or undefined. */
export const noKafka = lacks('java')
  ? 'no java: apt-get install default-jre-headless'
  : !existsSync(libs) && lacks('mvn')
    ? 'no mvn to fetch Kafka with: apt-get install maven'
    : undefined

/** A broker of its own on free ports of this machine. */
export interface KafkaBroker {
  /** `127.0.0.1:PORT`, without security. */
  address: string
  /** The same broker by SASL_SSL; user `ann`, and the certificate as a PEM file. */
  secure: { address: string; password: string; ca: string }
  client: kafkajs.Kafka
  admin: kafkajs.Admin
  /** SIGKILL. */
  kill(): Promise<void>
  /** Starts the killed broker again, with the same log and port. */
  restart(): Promise<void>
  /** Ends it and removes its files. */
  stop(): Promise<void>
}

const java = (...args: string[]) => ['-Xmx512m', '-cp', join(libs, '*'), ...args]

/** Starts a KRaft broker in a new folder; stop it when done. */
export async function startKafka(): Promise<KafkaBroker> {
  fetchJars(libs, `org.apache.kafka:kafka_2.13:${VERSION}`)
  const folder = mkdtempSync(join(tmpdir(), 'moodlake-kafka-'))
  const [port, controller, securePort] = [await freePort(), await freePort(), await freePort()]
  const password = randomBytes(12).toString('hex')
  const keys = join(folder, 'keys.p12')
  const store = ['-keystore', keys, '-storepass', password, '-alias', 'broker']
  const name = ['-dname', 'CN=127.0.0.1', '-ext', 'san=ip:127.0.0.1']
  execFileSync('keytool', ['-genkeypair', ...store, ...name, '-keyalg', 'EC', '-storetype', 'PKCS12'], { stdio: 'ignore' })
  const ca = join(folder, 'ca.pem')
  writeFileSync(ca, execFileSync('keytool', ['-exportcert', '-rfc', ...store], { stdio: ['ignore', 'pipe', 'ignore'] }))
  const properties = join(folder, 'server.properties')
  const login = `org.apache.kafka.common.security.plain.PlainLoginModule required user_ann="${password}";`
  writeFileSync(
    properties,
    `process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:${port},SECURE://127.0.0.1:${securePort},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=PLAINTEXT://127.0.0.1:${port},SECURE://127.0.0.1:${securePort}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT
listener.name.secure.sasl.enabled.mechanisms=PLAIN
listener.name.secure.plain.sasl.jaas.config=${login}
ssl.keystore.location=${keys}
ssl.keystore.password=${password}
ssl.keystore.type=PKCS12
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:${controller}
log.dirs=${join(folder, 'log')}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.min.isr=1
log.cleaner.backoff.ms=200
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
`,
  )
  const id = randomBytes(16).toString('base64url')
  execFileSync('java', java('kafka.tools.StorageTool', 'format', '--standalone', '-t', id, '-c', properties), { stdio: 'ignore' })

  const address = `127.0.0.1:${port}`
  const client = new kafkajs.Kafka({
    brokers: [address],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 30, maxRetryTime: 1000 },
  })
  const admin = client.admin()
  let child: ChildProcess | undefined

  async function start(): Promise<void> {
    const out = openSync(join(folder, 'out.log'), 'a')
    const started = spawn('java', java('kafka.Kafka', properties), { cwd: folder, stdio: ['ignore', out, out] })
    child = started
    const probe = new kafkajs.Kafka({ brokers: [address], logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 0 } })
    for (let tries = 0; ; tries++) {
      const asking = probe.admin()
      try {
        await asking.connect()
        await asking.listTopics()
        return
      } catch (error) {
        if (tries > 200 || started.exitCode !== null) throw error
        await sleep(250)
      } finally {
        await asking.disconnect()
      }
    }
  }

  async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const ending = child
    child = undefined
    if (!ending || ending.exitCode !== null) return
    await new Promise<void>(done => {
      ending.once('exit', () => done())
      ending.kill(signal)
    })
  }

  try {
    await start()
    await admin.connect()
  } catch (error) {
    await end('SIGKILL')
    throw new Error(`kafka did not start: ${readdirSync(folder).join(', ')} in ${folder}`, { cause: error })
  }
  return {
    address,
    secure: { address: `127.0.0.1:${securePort}`, password, ca },
    client,
    admin,
    kill: () => end('SIGKILL'),
    restart: start,
    async stop() {
      await admin.disconnect()
      await end('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
