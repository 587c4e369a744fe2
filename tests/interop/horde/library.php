<?php
// Finds the classes of Horde's libraries as Debian installs them, and opens the database of the checks.

set_include_path('/usr/share/php');
spl_autoload_register(function (string $class): void {
    $file = strtr($class, ['_' => '/', '\\' => '/']) . '.php';
    foreach (['/usr/share/php/', '/usr/share/php/Horde/'] as $folder) {
        if (is_file($folder . $file)) {
            require_once $folder . $file;
            return;
        }
    }
});

function interop_database(): Horde_Db_Adapter_Pdo_Sqlite
{
    return new Horde_Db_Adapter_Pdo_Sqlite(['dbname' => __DIR__ . '/state/activesync.db', 'charset' => 'utf-8']);
}
