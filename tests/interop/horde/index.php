<?php
// A mail server of one file: Horde's ActiveSync library over its mock driver, with provisioning forced. The password
// `secret` signs anybody in, and the mailbox is empty.

error_reporting(E_ALL & ~(E_DEPRECATED | E_NOTICE | E_WARNING));
require __DIR__ . '/library.php';

// The library throws it, and leaves it to Horde's core package to define it.
if (!class_exists('Horde_Exception_AuthenticationFailure')) {
    class Horde_Exception_AuthenticationFailure extends Horde_Exception {}
}

class InteropDriver extends Horde_ActiveSync_Driver_Mock
{
    public function authenticate($username, $password, $domain = null)
    {
        parent::authenticate($username, $password, $domain);
        return $password === 'secret';
    }

    public function setup($user) { return true; }
    public function getProvisioning() { return Horde_ActiveSync::PROVISIONING_FORCE; }
    public function getCurrentPolicy() { return []; }
    public function getUsernameFromEmail($email) { return $email; }
    public function getSettings(array $settings, $device) { return []; }
    public function setSettings(array $settings, $device) { return ['deviceinformation' => 1, 'oof' => 1]; }
}

class InteropLoggers implements Horde_ActiveSync_Interface_LoggerFactory
{
    public function create($properties = [])
    {
        return new Horde_ActiveSync_Log_Logger(new Horde_Log_Handler_Null());
    }
}

// The whole answer is kept, so that it has a Content-Length: devices insist on one.
ob_start();
$state = new Horde_ActiveSync_State_Sql(['db' => interop_database()]);
$driver = new InteropDriver([
    'connector' => new Horde_ActiveSync_Driver_MockConnector(),
    'imap' => null,
    'state' => $state,
    'ping' => ['forcedheartbeat' => 10],
]);
$server = new Horde_ActiveSync(
    $driver,
    new Horde_ActiveSync_Wbxml_Decoder(fopen('php://input', 'r')),
    new Horde_ActiveSync_Wbxml_Encoder(fopen('php://output', 'w')),
    $state,
    new Horde_Controller_Request_Http()
);
$server->setLogger(new InteropLoggers());
$query = $server->getGetVars();
$command = $_SERVER['REQUEST_METHOD'] === 'OPTIONS' ? 'Options' : ($query['Cmd'] ?? '');
try {
    $result = $server->handleRequest($command, $query['DeviceId'] ?? '');
    if (is_string($result)) {
        header('HTTP/1.1 ' . $result);
    }
} catch (Horde_Exception_AuthenticationFailure $error) {
    header('HTTP/1.1 401 Unauthorized');
    header('WWW-Authenticate: Basic realm="Horde ActiveSync"');
} catch (Horde_ActiveSync_Exception_InvalidRequest $error) {
    header('HTTP/1.1 400 Bad Request');
    error_log($error);
} catch (Throwable $error) {
    ob_clean();
    header('HTTP/1.1 500 Internal Server Error');
    error_log($error);
}
$body = ob_get_clean();
header('Content-Length: ' . strlen($body));
echo $body;
