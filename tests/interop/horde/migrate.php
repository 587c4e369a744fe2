<?php
// Makes the tables of Horde's ActiveSync library, once.

require __DIR__ . '/library.php';

$migrator = new Horde_Db_Migration_Migrator(interop_database(), null, [
    'migrationsPath' => '/usr/share/php/data/Horde_ActiveSync/migration',
    'schemaTableName' => 'activesync_schema',
]);
$migrator->up();
