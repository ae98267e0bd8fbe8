/** Spark with Delta for the benchmarks, fetched into .moodlake/ when Java and Maven are there. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './measure.mjs'

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>bench</groupId><artifactId>jars</artifactId><version>1</version>
<dependencies><dependency><groupId>io.delta</groupId><artifactId>delta-spark_4.2_2.13</artifactId><version>4.4.0</version></dependency></dependencies></project>`

/** Python with Spark and the folder of Delta's jars, fetched when they are not there; undefined where that is not possible. */
export function findSpark() {
  if (spawnSync('java', ['-version']).status !== 0) {
    process.stdout.write('without Spark: no java\n')
    return undefined
  }
  // Where the tests of Delta keep theirs.
  const home = join(root, '.moodlake', 'spark')
  const [python, jars] = [join(home, 'venv', 'bin', 'python'), join(home, 'jars')]
  const run = (command, ...args) => execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  try {
    if (!existsSync(python)) {
      run('python3', '-m', 'venv', join(home, 'venv'))
      run(python, '-m', 'pip', 'install', '-q', 'pyspark==4.2.0', 'pandas<3')
    }
    if (!existsSync(jars)) {
      const project = mkdtempSync(join(tmpdir(), 'moodlake-pom-'))
      writeFileSync(join(project, 'pom.xml'), POM)
      run('mvn', '-q', '-B', '-f', join(project, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`)
      // Spark brings the others itself, in its own versions.
      for (const jar of readdirSync(jars)) if (!/^(delta|unitycatalog|shims)/.test(jar)) rmSync(join(jars, jar))
    }
  } catch (error) {
    process.stdout.write(`without Spark: ${error.message}\n`)
    return undefined
  }
  return { python, jars }
}
