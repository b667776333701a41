<?php
/**
 * Plugin Name: ClarityTracking first party
 * Description: Hands the snippet's requests on this site to the ClarityTracking app. Put this file into wp-content/mu-plugins.
 *
 * Works on shared hosting: it needs nothing but WordPress. Put in the address of the app and the website's alias (Settings > Script
 * address). The page then loads <script async src="/ALIAS.js" data-apikey="pk_live_…"></script>.
 */

const CLARITY_APP = 'https://track.example.com';
const CLARITY_ALIAS = 'ALIAS';

/** Request headers the app reads, by PHP's names; the site's other ones stay here. */
const CLARITY_SENT = [
	'HTTP_ORIGIN' => 'Origin',
	'HTTP_ACCEPT_ENCODING' => 'Accept-Encoding',
	'HTTP_IF_NONE_MATCH' => 'If-None-Match',
	'HTTP_SEC_GPC' => 'Sec-GPC',
	'HTTP_DNT' => 'DNT',
	'HTTP_SEC_PURPOSE' => 'Sec-Purpose',
	'HTTP_SEC_FETCH_SITE' => 'Sec-Fetch-Site',
	'HTTP_X_API_KEY' => 'X-API-Key',
	'HTTP_CONTENT_ENCODING' => 'Content-Encoding',
	'CONTENT_TYPE' => 'Content-Type',
];
const CLARITY_ANSWERED = [ 'Content-Type', 'Content-Encoding', 'Cache-Control', 'ETag', 'Vary', 'Retry-After', 'X-Clarity-Refusal' ];
const CLARITY_COOKIES = [ 'ct_visitor', 'ct_clicks', 'ct_consent', 'ct_optout', '_fbp', '_fbc' ];

function clarity_forward( string $target ): void {
	$headers = [
		// believed only from addresses in Clarity__TrustedProxies
		'X-Forwarded-For' => $_SERVER['REMOTE_ADDR'] ?? '',
		'X-Forwarded-Proto' => empty( $_SERVER['HTTPS'] ) || 'off' === $_SERVER['HTTPS'] ? 'http' : 'https',
	];
	foreach ( CLARITY_SENT as $from => $name ) {
		if ( isset( $_SERVER[ $from ] ) && '' !== $_SERVER[ $from ] ) {
			$headers[ $name ] = $_SERVER[ $from ];
		}
	}
	// as they were sent: $_COOKIE holds them decoded
	$cookies = array_filter(
		array_map( 'trim', explode( ';', $_SERVER['HTTP_COOKIE'] ?? '' ) ),
		fn( $cookie ) => in_array( explode( '=', $cookie )[0], CLARITY_COOKIES, true )
	);
	if ( $cookies ) {
		$headers['Cookie'] = implode( '; ', $cookies );
	}
	$answer = wp_remote_request(
		CLARITY_APP . $target,
		[
			'method' => $_SERVER['REQUEST_METHOD'],
			'headers' => $headers,
			'user-agent' => $_SERVER['HTTP_USER_AGENT'] ?? '',
			'body' => 'POST' === $_SERVER['REQUEST_METHOD'] ? file_get_contents( 'php://input' ) : null,
			'timeout' => 10,
			'redirection' => 0,
			'decompress' => false,
		]
	);
	if ( is_wp_error( $answer ) ) {
		// the snippet keeps its events and sends them again
		http_response_code( 503 );
		header( 'Retry-After: 30' );
		return;
	}
	http_response_code( wp_remote_retrieve_response_code( $answer ) );
	foreach ( CLARITY_ANSWERED as $name ) {
		$value = wp_remote_retrieve_header( $answer, $name );
		if ( '' !== $value ) {
			header( $name . ': ' . implode( ', ', (array) $value ) );
		}
	}
	foreach ( (array) wp_remote_retrieve_header( $answer, 'Set-Cookie' ) as $cookie ) {
		if ( '' !== $cookie ) {
			header( 'Set-Cookie: ' . $cookie, false );
		}
	}
	echo wp_remote_retrieve_body( $answer );
}

$clarity_target = $_SERVER['REQUEST_URI'] ?? '';
if ( preg_match( '#^/' . CLARITY_ALIAS . '(\.js|/[\w.-]+)?(\?|$)#', $clarity_target ) ) {
	clarity_forward( $clarity_target );
	exit;
}
